/* SPDX-License-Identifier: PostgreSQL */
/*
 * The script of reports: sorts tables, shows the numbers of a point, switches between light and dark. The page says
 * everything without it. At most 10 kB.
 */
#include "page.h"

const char page_script[] =
	"'use strict';(()=>{\n"
	"const d=document,root=d.documentElement,all=(q,o=d)=>[...o.querySelectorAll(q)];\n"
	"const make=(tag,text,to)=>{const e=d.createElement(tag);e.textContent=text;to.append(e);return e};\n"
	/* light and dark */
	"const b=d.createElement('button');b.id='theme';b.type='button';\n"
	"const dark=()=>(root.dataset.theme||(matchMedia('(prefers-color-scheme:dark)').matches?'dark':'light'))==='dark';\n"
	"const say=()=>{b.textContent=dark()?'Light':'Dark'};\n"
	"b.onclick=()=>{root.dataset.theme=dark()?'light':'dark';say()};say();d.querySelector('header').prepend(b);\n"
	"matchMedia('(prefers-color-scheme:dark)').addEventListener('change',say);\n"
	/* sorting */
	"const value=(r,i)=>{const c=r.cells[i];return c.dataset.v===undefined?c.textContent:c.dataset.v===''?-Infinity:+c.dataset.v};\n"
	"for(const t of all('table.sort'))all('thead th',t).forEach((th,i)=>{\n"
	" const k=make('button',th.textContent,th);th.firstChild.remove();k.type='button';\n"
	" k.onclick=()=>{const down=th.getAttribute('aria-sort')==='ascending';\n"
	"  all('thead th',t).forEach(o=>o.removeAttribute('aria-sort'));\n"
	"  th.setAttribute('aria-sort',down?'descending':'ascending');\n"
	"  const rows=all('tbody tr',t);\n"
	"  rows.sort((x,y)=>{const p=value(x,i),q=value(y,i);\n"
	"   const c=typeof p==='number'&&typeof q==='number'?p-q:String(p).localeCompare(String(q),'en',{numeric:true});\n"
	"   return down?-c:c});\n"
	"  t.tBodies[0].append(...rows)}});\n"
	/* the numbers of a point: by the mouse, by touch, and by arrow keys in a chart that has the focus */
	"const tip=make('div','',d.body);tip.className='tip';tip.setAttribute('role','status');\n"
	"let on=null;\n"
	"const hide=()=>{tip.textContent='';if(on)on.classList.remove('on');on=null};\n"
	"const show=g=>{hide();on=g;g.classList.add('on');tip.textContent=g.dataset.tip;\n"
	" const r=(g.querySelector('.dot,.bar,.cross,path')||g).getBoundingClientRect(),w=tip.offsetWidth,m=root.clientWidth;\n"
	" tip.style.left=Math.max(4,Math.min(m-w-4,r.left+r.width/2-w/2))+scrollX+'px';\n"
	" tip.style.top=(r.top-tip.offsetHeight-8>0?r.top-tip.offsetHeight-8:r.bottom+8)+scrollY+'px'};\n"
	"for(const s of all('svg')){\n"
	" const points=all('.point,.event',s);\n"
	" for(const g of points){const t=g.querySelector('title');if(!t)continue;g.dataset.tip=t.textContent;t.remove();\n"
	"  g.addEventListener('pointerenter',()=>show(g));g.addEventListener('pointerleave',hide)}\n"
	" s.addEventListener('keydown',e=>{const step={ArrowRight:1,ArrowDown:1,ArrowLeft:-1,ArrowUp:-1}[e.key];\n"
	"  if(e.key==='Escape')hide();\n"
	"  if(!step||!points.length)return;e.preventDefault();\n"
	"  const i=points.indexOf(on);show(points[i<0?(step>0?0:points.length-1):(i+step+points.length)%points.length])});\n"
	" s.addEventListener('blur',hide)}\n"
	/* what is folded is printed too, except the long tables per second */
	"let shut=[];\n"
	"addEventListener('beforeprint',()=>{shut=all('details:not([open]):not(.long)');shut.forEach(x=>{x.open=true})});\n"
	"addEventListener('afterprint',()=>{shut.forEach(x=>{x.open=false})});\n"
	"})();\n";
